"""temporary"""
async def settled(expression, acting):
    return expression
