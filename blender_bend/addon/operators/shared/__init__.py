"""What operators share: modal work, slices, and reasons why a button is gray."""
