"""A campaign's release: its audience becomes credit, for each customer exactly once. Reading order: pieces, evaluating,
planning, granting, joined, driving. A schedule may begin it as well as the minute job (nudging).

    minute job -- begins --> evaluate, a message a shard --> pieces of up to 330 members, and where the next begins
                                   | the last shard to end
                                   v
                             plan: how many pieces each shard has, and where the budget ends: written once
                                   | one message a piece
                                   v
                             grant: 33 wallets in one read and one transaction --> the piece's result
                                   | the last piece to end
                                   v
                             the campaign is released; the minute job sends again what has not moved

Nothing depends on a message coming once, or on its worker living. A piece is only ever written where there is none, so
whoever comes second goes on from it. What a run does for a customer is an operation with a key of its own, credited or
refused for good (see `store.release`). A result only adds to the figures what it says more than the one before.
"""
