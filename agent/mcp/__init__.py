"""Tools of MCP servers: programs of others, or of other machines, that speak the Model Context Protocol."""
