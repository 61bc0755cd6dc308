"""What comes in: an LMS's archive, its list of students, who handed in what and when."""
