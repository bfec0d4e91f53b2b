"""The merchant's settings: a versioned document, the policy that it makes, and how functions come to know of it."""
