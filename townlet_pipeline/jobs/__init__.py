"""Jobs over assets, and the certificate as a job."""
