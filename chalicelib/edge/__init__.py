"""The HTTP edge: strangers' requests become commands, answers become JSON, errors become problem+json.

Reading order: call (what a route is and what a handler gets), routes (the table of all calls), serving (what happens
to a request, in order), parsing and fields (what is accepted), access (who may). Each area has a room with its routes,
the bodies it takes, its calls (the handlers) and the answers it gives; wallets is the one to begin with. functions are
what no request waits for. openapi, answers and examples describe all of it and are imported only when somebody asks
for the description. The authorizer is a function of its own; it alone imports tokens.

Values here are named tuples where the ledger has frozen dataclasses: making a dataclass costs a starting function a
millisecond and more, and this is the part that has many.
"""
