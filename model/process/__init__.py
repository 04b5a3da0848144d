"""The process that an engine lives in, and the client that everybody else holds."""
