"""The people who have credit: who they are, and a bounded summary of what they did."""
