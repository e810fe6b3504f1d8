"""What instances wrote: collected, kept, searched."""
