"""What records say of learners: cost, decisions, when training pays."""
