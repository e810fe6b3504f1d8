"""What tests stand on: small worlds that are built in a line, each around one part of the product."""
