"""The version of the service, as /health and the API's description tell it."""

VERSION = "1.0.0"
