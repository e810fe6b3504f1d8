"""What databases of earlier releases look like: `NUMBER.sql`, written by a server of that time (`make.py`)."""
