"""`remedy reports`: compliance reports that SchoolScan makes of scans."""
