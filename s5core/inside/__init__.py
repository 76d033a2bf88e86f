"""What happens in a network: its feature maps, and which pixels decide."""
