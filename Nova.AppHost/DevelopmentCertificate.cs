#pragma warning disable ASPIRECERTIFICATES001 // The only way to say that a resource needs no certificate.

using System.Security.Cryptography.X509Certificates;

namespace Nova.AppHost;

/// <summary>ASP.NET Core's certificate for this machine (<c>dotnet dev-certs https --trust</c>).</summary>
internal static class DevelopmentCertificate
{
    /// <summary>The extension that marks it.</summary>
    private const string Oid = "1.3.6.1.4.1.311.84.1.1";

    private const string AllowHttp = "ASPIRE_ALLOW_UNSECURED_TRANSPORT";

    /// <summary>Without trust, browsers warn and OTLP exporters refuse: then the dashboard is served over http.</summary>
    public static bool IsTrusted { get; } = FindTrusted();

    /// <summary>
    /// Where no certificate is trusted, the dashboard is served over http and no resource is given a certificate: Aspire would show an error over
    /// every page because of those that could use one and need none. Call it after the last resource.
    /// </summary>
    public static void UseHttpWithoutCertificate(this IDistributedApplicationBuilder builder)
    {
        if (IsTrusted || !builder.ExecutionContext.IsRunMode)
        {
            return;
        }

        builder.Configuration[AllowHttp] ??= "true";
        foreach (var resource in builder.Resources)
        {
            resource.Annotations.Add(new HttpsCertificateAnnotation { UseDeveloperCertificate = false });
        }
    }

    private static bool FindTrusted()
    {
        using var store = new X509Store(StoreName.My, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadOnly);
        return store.Certificates.Any(certificate => certificate.HasPrivateKey && certificate.Extensions[Oid] is not null && IsAccepted(certificate));
    }

    private static bool IsAccepted(X509Certificate2 certificate)
    {
        using var chain = new X509Chain { ChainPolicy = { RevocationMode = X509RevocationMode.NoCheck } };
        return chain.Build(certificate);
    }
}
