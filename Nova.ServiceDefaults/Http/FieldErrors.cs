using System.Globalization;

namespace Nova.ServiceDefaults.Http;

/// <summary>Collects everything that is wrong with a request, so that one answer names every field.</summary>
public sealed class FieldErrors
{
    /// <summary>Without a zone it is UTC. What else .NET can read means different days in different countries (11/12/2026).</summary>
    private static readonly string[] Iso8601 = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    private readonly Dictionary<string, string[]> _errors = [];

    public bool Any => _errors.Count > 0;

    public IReadOnlyDictionary<string, string[]> All => _errors;

    public void Add(string field, string error) => _errors.TryAdd(field, [error]);

    /// <summary>Null means the field was absent.</summary>
    public string Text(string field, string? value, int maxLength, bool required = false)
    {
        if (value is null)
        {
            if (required)
            {
                Add(field, "is required");
            }

            return "";
        }

        if (required && string.IsNullOrWhiteSpace(value))
        {
            Add(field, "must not be empty");
        }
        else if (value.Length > maxLength && value.EnumerateRunes().Count() > maxLength) // Characters as JSON Schema counts them: an emoji is one.
        {
            Add(field, $"must have at most {maxLength} characters");
        }
        else if (value.Contains('\0'))
        {
            Add(field, "must not contain U+0000"); // Postgres stores every other character.
        }

        return value;
    }

    public int Number(string field, int? value, int min, int max)
    {
        if (value is null)
        {
            Add(field, "is required");
        }
        else if (value < min || value > max)
        {
            Add(field, $"must be from {min} to {max}");
        }

        return value ?? 0;
    }

    public T Required<T>(string field, T? value)
        where T : struct
    {
        if (value is null)
        {
            Add(field, "is required");
        }

        return value ?? default;
    }

    public delegate bool TryParse<T>(string? value, out T parsed);

    /// <summary>A query parameter that names one of a few values; absent is null.</summary>
    public T? Choice<T>(string field, string? value, TryParse<T> tryParse, string choices)
        where T : struct
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        if (tryParse(value, out var parsed))
        {
            return parsed;
        }

        Add(field, $"must be one of {choices}");
        return null;
    }

    /// <summary>A whole-number query parameter.</summary>
    public int Limit(string field, string? value, int fallback, int max)
    {
        if (string.IsNullOrEmpty(value))
        {
            return fallback;
        }

        if (int.TryParse(value, out var limit) && limit >= 1 && limit <= max)
        {
            return limit;
        }

        Add(field, $"must be a whole number from 1 to {max}");
        return fallback;
    }

    /// <summary>An ISO 8601 time as a query parameter; absent is null.</summary>
    public DateTimeOffset? Time(string field, string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        if (DateTimeOffset.TryParseExact(value, Iso8601, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time.ToUniversalTime();
        }

        Add(field, "must be an ISO 8601 time such as 2025-10-21T10:30:45.123Z");
        return null;
    }

    /// <summary>A UUID as a query parameter; absent is null.</summary>
    public Guid? Id(string field, string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        if (Uuid.TryParse(value, out var id))
        {
            return id;
        }

        Add(field, "must be a UUID");
        return null;
    }
}
