"""Markets that hostile traders share with honest ones: played by chance, watched after every record."""
