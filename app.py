"""The application, as Chalice deploys it: one API and the authorizer before it."""

from chalice.app import Chalice

from chalicelib.edge.authorizer import authorizers
from chalicelib.edge.blueprint import api

app = Chalice(app_name="store-credit")
app.register_blueprint(authorizers)
app.register_blueprint(api)
