"""How good the operations' results are, beside what a user would run instead: a module for each operation.

Each makes its evaluation set by script, from photographs that packages bundle and from real producers, with a known truth, and scores
Darkroom and the alternatives on the same inputs. What was never looked at while tuning is told apart as held out.
"""
