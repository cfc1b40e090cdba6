"""The steps, one file each; READ, CHECK, APPLY and WRITE come in this order in both languages."""
