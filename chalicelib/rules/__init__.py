"""Rules of the merchant: an order that is paid earns credit, once for each rule and order."""
