"""Stand-ins over real HTTP for SchoolScan, ServiceNow and Jira, with their limits, their lag and faults to order."""
