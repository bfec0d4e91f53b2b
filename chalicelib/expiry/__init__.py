"""Expiry: what time alone does to wallets becomes entries. Reading order: messages, sweep, settle.

    every minute  sweep --- groups of wallets, cursors ---> queue settle ---> settle ---> entries
                    ^                                           ^               |
               due index                                        `--- groups, the next cursor

Nothing depends on when this happens. Availability is computed from the times, and whoever touches a wallet settles it
first; a sweep that is three days late changes no balance and no refusal, only when the entries are written.
"""
