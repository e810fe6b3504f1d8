"""Processes that outlive the control plane: started through shims, confined, limited, and taken up again later."""
