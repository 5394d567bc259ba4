"""What is measured in pictures: flashes that could harm someone."""
