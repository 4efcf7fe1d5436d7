"""The receipt of a purchase: one document, drawn as PDF or as bytes for a receipt printer."""
