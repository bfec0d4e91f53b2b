"""Imports and exports: tables of customers and of credit."""
