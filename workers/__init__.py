"""The hands: arq jobs and crons, each a few lines over remediation."""
