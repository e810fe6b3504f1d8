"""What runs instances somewhere: the port, processes on this machine behind it, and a fake that ships."""
