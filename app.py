"""The application, as Chalice deploys it: one API, the authorizer before it, and the workers behind it."""

from chalice.app import Chalice

from chalicelib.edge.authorizer import authorizers
from chalicelib.edge.blueprint import api
from chalicelib.edge.workers import workers

app = Chalice(app_name="store-credit")
app.register_blueprint(authorizers)
app.register_blueprint(api)
app.register_blueprint(workers)
