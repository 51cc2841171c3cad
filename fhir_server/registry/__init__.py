"""What the server serves, as rows: resource types and search parameters, and the statement computed from them."""
