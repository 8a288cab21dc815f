"""What the page History tells and computes: who removed which weakness of FCN, and how."""
