"""The way to a receiver of OpenTelemetry, whatever is sent there."""
