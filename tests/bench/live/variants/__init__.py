"""What takes the place of the hub: the portal otherwise as it is."""
