"""The way to a receiver of OpenTelemetry, whatever is sent there. Needs the extra `otlp` only where it sends."""
