"""What is read from disks and written to them: whole or not at all, limited in size and depth."""
