"""The authorizer: a function of its own, asked by API Gateway with a request's token, at most once a minute for each.

    a good token                  allow, for the whole API: which calls its scopes are for is decided with each request
    anything else a caller sends  deny, which the API's gateway response for ACCESS_DENIED makes a 401
    the keys cannot be had        the error as it is: the function fails, the caller is told 503 and may try again

A denial, and not the error "Unauthorized" that API Gateway knows too: that would count every stranger's nonsense as a
failure of this function, and would not be kept, so that the same nonsense would be looked at with each request.

Lambda loads this module alone for it, not the application; and the application does not load what checks tokens.
"""

from __future__ import annotations

from typing import Any

from chalice.app import AuthRequest, AuthResponse, Blueprint

authorizers = Blueprint(__name__)
TTL_SECONDS = 60


@authorizers.authorizer(name="authorize", ttl_seconds=TTL_SECONDS)
def authorize(request: AuthRequest) -> AuthResponse | dict[str, Any]:
    """:raises KeysUnavailable: nothing can be said about any token just now"""
    from chalicelib.edge.tokens import BadToken, verifier

    try:
        claims = verifier().claims_of(request.token)
    except BadToken:
        verdict: dict[str, Any] = AuthResponse(routes=["*"], principal_id="nobody").to_dict(request)
        verdict["policyDocument"]["Statement"][0]["Effect"] = "Deny"
        return verdict
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
