"""DynamoDB: two tables, one transaction for each movement, and the one loop that commits it.

Reading order: tables (what is stored), codec (how a value becomes an item), reading, signals (what an error means),
commit (the loop). PynamoDB and botocore are not seen outside this folder.
"""
