"""The sandbox and real processes of ours: what the demo, the end-to-end tests and the fault suite play on."""
