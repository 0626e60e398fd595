def measure(table, options): pass
