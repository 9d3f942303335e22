"""The hands: arq jobs and rounds, each a few lines over remediation."""
