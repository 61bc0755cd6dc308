"""A network as rows: read from a published table or from a trace, then brought to one form."""
