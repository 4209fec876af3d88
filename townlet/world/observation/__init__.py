"""What the agents observe: features, action masks, and the schema that names them."""
