"""The quality of the operations' results, compared with what a user would run instead: one module per operation.

Each generates its evaluation set, with known ground truth, from photographs that packages bundle and from real producers, and scores
Darkroom and the alternatives on the same inputs. What was never looked at during tuning is reported separately as held out.
"""
