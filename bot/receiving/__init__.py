"""From a request of GitHub's to a delivery on the disk."""
