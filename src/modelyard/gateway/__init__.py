"""What carries requests from callers to instances: the port, Envoy behind it, and a fake that ships."""
