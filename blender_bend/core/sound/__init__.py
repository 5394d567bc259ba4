"""What is measured in a song, in words: features, beats, files of sound."""
