import pytest

from labelhub.api_docs import endpoints

pytestmark = pytest.mark.django_db


def test_the_page_lists_every_endpoint_of_the_schema_with_its_words(client):
    page = client.get("/api/docs/").content.decode()
    for endpoint in endpoints():
        assert endpoint["path"] in page
        assert endpoint["text"], f"{endpoint['method']} {endpoint['path']} says nothing"


def test_the_schema_is_openapi_3_1(client):
    schema = client.get("/api/schema/", headers={"Accept": "application/json"}).json()
    assert schema["openapi"] == "3.1.0"
    properties = schema["paths"]["/api/v1/interactions/"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert properties["required"] == ["external_id", "messages", "output"]
