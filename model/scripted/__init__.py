"""An engine that plays a transcript, for tests and demonstrations of the agent."""
