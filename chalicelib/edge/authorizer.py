"""The authorizer: a function of its own, asked by API Gateway with a request's token, at most once a minute for each.

    a good token                  allow, for the whole API: which calls its scopes are for is decided with each request
    anything else a caller sends  "Unauthorized", which API Gateway makes a 401
    the keys cannot be had        the error as it is: the function fails, the caller is told 503 and may try again

Lambda loads this module alone for it, not the application; and the application does not load what checks tokens.
"""

from __future__ import annotations

from chalice.app import AuthRequest, AuthResponse, Blueprint

authorizers = Blueprint(__name__)
TTL_SECONDS = 60


@authorizers.authorizer(name="authorize", ttl_seconds=TTL_SECONDS)
def authorize(request: AuthRequest) -> AuthResponse:
    """:raises Exception: the word that API Gateway knows, or that the keys cannot be had"""
    from chalicelib.edge.tokens import BadToken, verifier

    try:
        claims = verifier().claims_of(request.token)
    except BadToken:
        raise Exception("Unauthorized") from None
    return AuthResponse(
        routes=["*"],
        principal_id=claims.sub,
        context={
            "sub": claims.sub,
            "scope": claims.scope,
            "customer": claims.customer,
            "exp": str(claims.expires_at_seconds),
        },
    )
