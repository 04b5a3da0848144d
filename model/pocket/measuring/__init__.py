"""How good Pocket is: held-out turns through the product's engine, and the card that ships with the files."""
