"""The pure core: what a wallet is and how credit moves.

Standard library only, frozen values, no clock, no I/O. An operation is a function (wallet, command, act, policy) ->
`Plan`, or it raises a `Refused`. Operations never change a wallet themselves: they decide entries, and
`booking.apply` is the one place where an entry changes a wallet. So a wallet is, by construction, the fold of its
entries.

Reading order: model, booking, settling, spending, then one file for each operation; folding is the audit.
"""
