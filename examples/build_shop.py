"""Writes `company/data/shop.sql`: a year of orders in the example company's shop, for PostgreSQL.

Products and prices come from `company/data/catalogue.csv`; delivery costs and refunds follow the documents
`shipping-and-delivery.md` and `returns-and-warranty.html`. Customers are invented: they are called after plants and
placeholders, and their addresses end in example.com. Two runs write the same bytes:

    python examples/build_shop.py
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

DATA = Path(__file__).parent / "company" / "data"
CUSTOMERS, ORDERS = 120, 300
FIRST_ORDER, FIRST_DAY, DAYS = 30_001, date(2025, 9, 1), 365  # the last order is older than the oldest ticket

FIRST_NAMES = (
    "Alder", "Aster", "Basil", "Birke", "Bryony", "Clover", "Dill", "Erle", "Fenna", "Fern", "Flora", "Hazel",
    "Heather", "Iris", "Ivy", "Jasmin", "Juniper", "Laurel", "Linde", "Lotus", "Mirte", "Myrtle", "Nigella",
    "Olive", "Papaver", "Poppy", "Reseda", "Rowan", "Rue", "Sage", "Sorrel", "Tansy", "Thymian", "Viola",
    "Yarrow", "Zinnia",
)  # fmt: skip
SURNAMES = (
    "Testbrook", "Demohill", "Sampleford", "Muster-Tal", "Mustermoor", "Exempelberg", "Samplewood",
    "Testmeadow", "Fauxmont", "Exemplerive", "Demodal", "Placehoek", "Mockridge", "Specimenhurst", "Dummyfield",
    "Voorbeeld", "Ejemplosa", "Provapiano", "Testsee", "Examplecliff",
)  # fmt: skip
PLACES = {  # country: its share of the customers in per cent, and cities
    "DE": (42, ("Freiburg", "Hamburg", "Leipzig", "Munich", "Cologne", "Bremen")),
    "FR": (17, ("Lyon", "Nantes", "Strasbourg", "Lille")),
    "BE": (14, ("Ghent", "Antwerp", "Leuven")),
    "NL": (11, ("Utrecht", "Groningen", "Nijmegen")),
    "AT": (6, ("Graz", "Innsbruck")),
    "ES": (4, ("Valencia", "Bilbao")),
    "SE": (3, ("Malmö",)),
    "CH": (3, ("Zurich", "Bern")),
}
DELIVERY = {  # standard delivery and the value of goods from which it is free, in EUR
    **dict.fromkeys(("BE", "DE", "FR", "NL", "LU"), (Decimal("4.90"), 80)),
    **dict.fromkeys(("AT", "DK", "IT", "ES", "PL", "PT"), (Decimal("8.90"), 120)),
    **dict.fromkeys(("SE", "FI", "IE", "CZ", "SI"), (Decimal("9.90"), 150)),
    **dict.fromkeys(("CH", "NO", "GB"), (Decimal("14.90"), 200)),
}
TRAILER_SURCHARGE = Decimal(29)
RETURN_COST = {**dict.fromkeys(("AT", "ES", "SE"), Decimal("6.90")), "CH": Decimal("14.90")}  # elsewhere it is free
RETURN_COST_TRAILER = Decimal(29)
OUR_FAULT = ("arrived damaged", "faulty")  # such a return costs the customer nothing
TRAILERS = ("TW-TRA-001", "TW-TRA-002")
WINDOW_DAYS = 60  # a return is possible this long after delivery
REASONS = (
    "too small",
    "too large",
    "not as expected",
    "arrived damaged",
    "faulty",
    "changed my mind",
    "arrived too late",
)

TABLES = """\
-- The online shop of Tarnwald: orders from 1 September 2025 to 31 August 2026. Everybody in it is invented.
-- Written by examples/build_shop.py.
-- Load it with: psql "$DATABASE_URL" -f shop.sql     (it replaces the schema `shop`)

BEGIN;
DROP SCHEMA IF EXISTS shop CASCADE;
CREATE SCHEMA shop;
SET LOCAL search_path TO shop;

CREATE TABLE customers (
    id          integer PRIMARY KEY,
    name        text NOT NULL,
    email       text NOT NULL UNIQUE,
    city        text NOT NULL,
    country     char(2) NOT NULL,
    language    char(2) NOT NULL,
    is_business boolean NOT NULL DEFAULT false,
    created_on  date NOT NULL
);

CREATE TABLE products (
    sku            text PRIMARY KEY,
    name           text NOT NULL,
    category       text NOT NULL,
    price_eur      numeric(8, 2) NOT NULL CHECK (price_eur > 0),
    weight_g       integer NOT NULL,
    stock          integer NOT NULL CHECK (stock >= 0),
    warranty_years integer NOT NULL,
    description    text NOT NULL
);

CREATE TABLE orders (
    id           integer PRIMARY KEY,
    customer_id  integer NOT NULL REFERENCES customers,
    ordered_at   timestamptz NOT NULL,
    status       text NOT NULL CHECK (status IN ('delivered', 'cancelled')),
    delivered_on date CHECK ((delivered_on IS NULL) = (status = 'cancelled')),
    shipping_eur numeric(8, 2) NOT NULL,
    total_eur    numeric(10, 2) NOT NULL  -- goods and delivery
);

CREATE TABLE order_items (
    order_id       integer NOT NULL REFERENCES orders,
    sku            text NOT NULL REFERENCES products,
    quantity       integer NOT NULL CHECK (quantity > 0),
    unit_price_eur numeric(8, 2) NOT NULL,
    PRIMARY KEY (order_id, sku)
);

CREATE TABLE returns (
    id          integer PRIMARY KEY,
    order_id    integer NOT NULL,
    sku         text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    reason      text NOT NULL,
    received_on date NOT NULL,
    refund_eur  numeric(8, 2) NOT NULL,
    FOREIGN KEY (order_id, sku) REFERENCES order_items
);
"""


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    category: str
    price_eur: Decimal
    weight_g: int
    stock: int
    warranty_years: int
    description: str


@dataclass(frozen=True)
class Customer:
    id: int
    name: str
    email: str
    city: str
    country: str
    language: str
    is_business: bool
    created_on: date


@dataclass(frozen=True)
class Order:
    id: int
    customer_id: int
    ordered_at: datetime
    status: str
    delivered_on: date | None
    shipping_eur: Decimal
    total_eur: Decimal


@dataclass(frozen=True)
class Item:
    order_id: int
    sku: str
    quantity: int
    unit_price_eur: Decimal


@dataclass(frozen=True)
class Return:
    id: int
    order_id: int
    sku: str
    quantity: int
    reason: str
    received_on: date
    refund_eur: Decimal


def main() -> None:
    random = Random(2009)
    products = list(read_products())
    customers = [new_customer(random, number) for number in range(1, CUSTOMERS + 1)]
    sales = list(new_sales(random, customers, products))
    orders, items = [order for order, _ in sales], [item for _, items in sales for item in items]
    script = TABLES + "".join(
        insert(table, rows)
        for table, rows in (
            ("customers", customers),
            ("products", products),
            ("orders", orders),
            ("order_items", items),
            ("returns", list(new_returns(random, sales, customers))),
        )
    )
    (DATA / "shop.sql").write_text(script + "\nCOMMIT;\n", encoding="utf-8")


def read_products() -> Iterator[Product]:
    with (DATA / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            numbers = {key: int(row[key]) for key in ("weight_g", "stock", "warranty_years")}
            texts = {key: row[key] for key in ("sku", "name", "category", "description")}
            yield Product(**texts, **numbers, price_eur=Decimal(row["price_eur"]))


def new_customer(random: Random, number: int) -> Customer:
    first, last = random.choice(FIRST_NAMES), random.choice(SURNAMES)
    country = random.choices(list(PLACES), [share for share, _ in PLACES.values()])[0]
    spoken = {"DE": "de", "AT": "de", "CH": "de", "FR": "fr", "ES": "es", "BE": "nl", "NL": "nl", "SE": "en"}[
        country
    ]
    if country == "DE" and random.random() < 0.08:
        spoken = "tr"
    return Customer(
        id=number,
        name=f"{first} {last}",
        email=f"{first}.{last}.{number}@example.com".lower(),
        city=random.choice(PLACES[country][1]),
        country=country,
        language=spoken,
        is_business=random.random() < 0.07,
        created_on=FIRST_DAY - timedelta(days=random.randrange(2, 1_500)),
    )


def new_sales(
    random: Random, customers: list[Customer], products: list[Product]
) -> Iterator[tuple[Order, list[Item]]]:
    """Orders in the order of their time. A third of the customers buys two thirds of everything."""
    moments = sorted(_moment(random) for _ in range(ORDERS))
    for number, ordered_at in enumerate(moments, start=FIRST_ORDER):
        is_regular = random.random() < 0.5
        customer = random.choice(customers[: CUSTOMERS // 3] if is_regular else customers)
        yield _sale(random, number, customer, ordered_at, products)


def _moment(random: Random) -> datetime:
    """More orders before Christmas and in spring; none between midnight and six."""
    months = (7, 6, 9, 12, 6, 6, 9, 11, 12, 10, 7, 5)  # September to August
    start = FIRST_DAY + timedelta(days=random.choices(range(12), months)[0] * DAYS // 12 + random.randrange(30))
    return datetime(start.year, start.month, start.day, random.randrange(6, 24), random.randrange(60), tzinfo=UTC)


def _sale(
    random: Random, number: int, customer: Customer, ordered_at: datetime, products: list[Product]
) -> tuple[Order, list[Item]]:
    weights = [product.stock**0.5 for product in products]  # what sells well is kept in stock
    chosen = {
        product.sku: product for product in random.choices(products, weights, k=random.choice((1, 1, 2, 2, 3, 4)))
    }
    most = 12 if customer.is_business else 2
    items = [
        Item(number, sku, 1 if sku in TRAILERS else random.randint(1, most), product.price_eur)
        for sku, product in sorted(chosen.items())
    ]
    shipping = shipping_eur(customer.country, items)
    status = "cancelled" if random.random() < 0.04 else "delivered"
    delivered_on = ordered_at.date() + timedelta(days=random.randint(2, 6)) if status == "delivered" else None
    return Order(
        number, customer.id, ordered_at, status, delivered_on, shipping, goods_eur(items) + shipping
    ), items


def goods_eur(items: Iterable[Item]) -> Decimal:
    return sum((item.quantity * item.unit_price_eur for item in items), Decimal(0))


def shipping_eur(country: str, items: list[Item]) -> Decimal:
    """Standard delivery, free from the country's value of goods; every trailer costs its surcharge."""
    standard, free_from = DELIVERY[country]
    trailers = sum(item.quantity for item in items if item.sku in TRAILERS)
    return (standard if goods_eur(items) < free_from else Decimal(0)) + trailers * TRAILER_SURCHARGE


def new_returns(
    random: Random, sales: list[tuple[Order, list[Item]]], customers: list[Customer]
) -> Iterator[Return]:
    """About every sixth order comes back in part, with clothing every third. One parcel holds one article."""
    country = {customer.id: customer.country for customer in customers}
    number = 0
    for order, items in sales:
        item = max(items, key=lambda item: item.sku.startswith("TW-CLO"))
        is_clothing = item.sku.startswith("TW-CLO")
        if order.delivered_on is None or random.random() > (0.33 if is_clothing else 0.16):
            continue
        number += 1
        quantity = random.randint(1, item.quantity)
        reason = random.choice(REASONS if is_clothing else REASONS[2:])
        received_on = order.delivered_on + timedelta(days=random.randint(3, WINDOW_DAYS))
        refund = quantity * item.unit_price_eur - return_cost_eur(country[order.customer_id], item.sku, reason)
        yield Return(number, order.id, item.sku, quantity, reason, received_on, max(refund, Decimal(0)))


def return_cost_eur(country: str, sku: str, reason: str) -> Decimal:
    """What is deducted from the refund."""
    if reason in OUR_FAULT:
        return Decimal(0)
    return RETURN_COST_TRAILER if sku in TRAILERS else RETURN_COST.get(country, Decimal(0))


def insert(table: str, rows: list[Customer] | list[Product] | list[Order] | list[Item] | list[Return]) -> str:
    """One INSERT with a line for each row."""
    columns = list(vars(rows[0]))
    lines = ",\n".join(f"    ({', '.join(literal(value) for value in vars(row).values())})" for row in rows)
    return f"\nINSERT INTO {table} ({', '.join(columns)}) VALUES\n{lines};\n"


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case datetime():
            return f"'{value:%Y-%m-%d %H:%M}+00'"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


if __name__ == "__main__":
    main()
