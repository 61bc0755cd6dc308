"""What goes out: releases for students, pages, and files for gradebooks."""
